"""ArrowExampleGen: span files in, TFX Examples out, columns all the way."""
