"""What a training step adds up: reconstruction, perceptual, adversarial and caption terms. Each is a plain function."""
