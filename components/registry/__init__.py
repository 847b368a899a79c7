"""The model registry: a folder, or a place in a bucket, that TF Serving can watch as it is.

    <registry>/labels.json          which version is live, which is the canary
    <registry>/<version>/           a SavedModel, and manifest.json

Not a component: ChampionResolver, Pusher and the command line share it.
"""
