package archive

import (
	"io/fs"
	"time"
)

// info describes a node.
type info struct {
	node *node
	name string
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.node.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.node.dir }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	switch {
	case i.node.dir:
		return fs.ModeDir | 0o755
	case i.node.executable:
		return 0o755
	}
	return 0o644
}
