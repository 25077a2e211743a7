// An empty assembly file lets defaults.go declare a function without a body.
