"""The measures: numpy in, numbers out. Pictures are uint8 [H, W, 3], RGB; each definition names its source."""
