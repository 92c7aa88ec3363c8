"""What one training step computes: the objectives of CycleGAN-Turbo (`unpaired`) and pix2pix-turbo (`paired`)."""
