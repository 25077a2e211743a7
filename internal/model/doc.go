// Package model is the vocabulary that every stage of Fixpoint shares: apps,
// sources, objects, plans, changes, health and kinds of errors.
//
// It holds values only. It imports nothing else of this module, does no I/O,
// and knows no dialect: the words Application and Kustomization do not occur.
package model
