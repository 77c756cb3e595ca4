"""From plain values to the config, and to everything that is wrong or doubtful about them."""
