"""Learning with checkpoints: the trainer, optimizers and schedule, trainings as jobs, frames for fine-tuning."""
