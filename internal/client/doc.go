// Package client asks a Fixpoint server by its JSON API (/fixpoint/v1): what the command
// line needs of it, with the fields of its answers that are shown. It knows no commands
// and stores nothing. docs/api.md is the reference of addresses and fields.
//
// Errors say what went wrong and what to do next. What the server itself says is a
// *Problem. A token is sent to the server that it is for, and nowhere else: redirects are
// not followed.
package client
