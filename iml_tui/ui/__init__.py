"""The lab in the terminal, with Textual. Never imports torch, torchvision, sklearn or xgboost."""
