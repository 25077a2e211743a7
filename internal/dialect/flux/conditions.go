package flux

const invalidSpecReason = "InvalidSpec"
