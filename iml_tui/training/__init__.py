"""Training: devices, data on the device, the optimizer, and the loop that trains an ensemble."""
