"""Where incidents are sent: a log, a file of JSON lines, webhooks, Prometheus, e-mail; with an outbox on disk."""
