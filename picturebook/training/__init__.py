"""Training: what all parts share (trainer, schedule, optimiser, precision, background), and a file for each part."""
