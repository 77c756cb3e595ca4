"""From the bytes of a file to plain values that know their place."""
