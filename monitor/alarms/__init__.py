"""Alarms with a bounded rate of false alarms, their causes, and the incidents that group them."""
