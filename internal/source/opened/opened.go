// Package opened has the open files and folders of trees whose content is in
// memory.
package opened

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
)

// File is an open file.
func File(info fs.FileInfo, data []byte) fs.File { return &file{info, bytes.NewReader(data)} }

// Dir is an open folder; path is its name, for errors.
func Dir(info fs.FileInfo, path string, entries []fs.DirEntry) fs.ReadDirFile {
	return &dir{info, path, entries}
}

type file struct {
	info fs.FileInfo
	*bytes.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

type dir struct {
	info    fs.FileInfo
	path    string
	entries []fs.DirEntry
}

func (d *dir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *dir) Close() error               { return nil }

func (d *dir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: errors.New("is a directory")}
}

func (d *dir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	out := d.entries[:n]
	d.entries = d.entries[n:]
	return out, nil
}
