"""ArrowExampleGen: converts span files to TFX Examples through Arrow record batches."""
