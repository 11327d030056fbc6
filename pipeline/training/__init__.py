"""Training with checkpoints: the trainer, its optimizer and schedule, one training as a job, frames to fine-tune on."""
