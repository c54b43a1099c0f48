"""What a person sees of an operation: live tree, plain lines, changed properties, summary, and the JSON forms."""
