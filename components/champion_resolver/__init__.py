"""ChampionResolver: the model in production, as an ordinary component that Kubeflow can run too."""
