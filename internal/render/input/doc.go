// Package input reads the files of a source for a render: under limits, and
// noting what was asked, so that the render's outcome can be remembered by
// exactly what it has read.
package input
