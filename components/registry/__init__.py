"""The model registry: a folder or a bucket prefix that TensorFlow Serving can watch directly.

    <registry>/labels.json          the aliases: which version is live, which is the canary
    <registry>/<version>/           a SavedModel, and manifest.json

It is not a component: ChampionResolver, Pusher and the command line use it.
"""
