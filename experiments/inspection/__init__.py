"""Pictures of what the modules of a mixture learnt: experts and the attention over them."""
