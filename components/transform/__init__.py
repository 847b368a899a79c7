"""How raw columns become what the model reads: the preprocessing function of TFX Transform."""
