// Package compare says which differences between a live object and what an apply
// would make of it count, and what to write where ignored fields are to stay as
// they are. It takes values and returns values: who asks the API server, and who
// evaluates jq, is passed in.
//
// Both sides are taken as the API server gives them, with managedFields: these
// tell who owns what, and which lists are keyed. What does not count is removed
// from both sides before they are compared; values are compared as the types of
// Kubernetes mean them, where the types are known.
package compare
