module github.com/fixpoint-cd/fixpoint

go 1.26.0
