"""`plumbline doctor`: checks of the environment, the settings and all that runs leave, and their safe repair."""
