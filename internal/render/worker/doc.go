// Package worker renders in processes of their own, so that what a repository
// contains can hurt neither this process nor the host: each is confined by
// package sandbox before it reads a byte that a user wrote. It has no file and
// no network; what a render needs it asks this process for, which answers
// about the trees of that render and nothing else.
//
// The two speak over a pair of pipes. A frame is a length of four bytes, a
// kind, and a value as codec.go writes it; both ends are the same program, so
// there are no versions. A worker gets a task, asks questions one at a time,
// tells of reads that needed no question, and sends objects and an outcome.
// The process that asks believes nothing that a worker says: it limits sizes,
// reads objects anew, and keeps its own notes of what was served. A worker
// says that it uses a file that it was given in advance before it looks into
// it, so that what is in the file can't keep it from saying so.
package worker
