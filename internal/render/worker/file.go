package worker

import (
	"bytes"
	"io/fs"
)

// file is an open file, which is in memory.
type file struct {
	*bytes.Reader
	info fs.FileInfo
}

func newFile(info fs.FileInfo, data []byte) *file { return &file{bytes.NewReader(data), info} }

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }
