// Package script runs what users wrote for Argo CD: health checks and actions in
// Lua, and path expressions of jq, all as they are. Neither interpreter bounds its
// memory, so they run in processes of their own, each confined by package sandbox
// before it reads a script: no file, no network, no other process, and limits of
// time and memory. A script that goes beyond one ends with an error and costs
// nobody else anything.
//
// The two processes are the same program and speak over a pair of pipes. A frame
// is a length of four bytes, a kind, and JSON. A worker gets one question at a
// time and gives one answer; what it says is read anew and believed as little as
// a script is. Workers keep scripts compiled, and nothing else, between questions.
package script
