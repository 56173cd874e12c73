"""What is done with trained policies: loaded, played by a protocol, recorded, filmed."""
