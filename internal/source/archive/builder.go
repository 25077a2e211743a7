package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Builder makes a tree of files that come one after the other.
type Builder struct {
	room    *Room
	limits  Limits
	file    *os.File
	out     *bufio.Writer
	at      int64 // where the next content begins: a replaced file counts too
	entries int
	root    *node
	index   map[string]*node // by path; folders too
	// Top, before the first Add, leaves out the first part of each name: the
	// folder that everything in a chart's archive is in. Names whose parts are
	// separated by backslashes are permitted then, as Helm permits them.
	Top bool
}

// Build begins a tree. Either Finish or Abort has to follow.
func (r *Room) Build() (*Builder, error) {
	f, err := os.CreateTemp(r.Dir, "tmp-")
	if err != nil {
		return nil, err
	}
	root := &node{dir: true}
	return &Builder{
		room: r, limits: r.Limits.WithDefaults(), file: f, out: bufio.NewWriterSize(f, 64<<10),
		root: root, index: map[string]*node{".": root},
	}, nil
}

// Add puts a file into the tree. One of the same name is replaced, as in an
// archive that is unpacked. Errors of the name and of a size are model.ErrInvalid;
// those of r are returned as they are.
func (b *Builder) Add(name string, executable bool, r io.Reader) error {
	name, err := b.name(name)
	if err != nil || name == "" {
		return err
	}
	h := sha256.New()
	most := min(b.limits.File, b.limits.Extracted-b.at)
	size, err := io.Copy(io.MultiWriter(b.out, h), io.LimitReader(r, most+1))
	if err != nil {
		return err
	}
	n := &node{size: size, at: b.at, executable: executable}
	h.Sum(n.sum[:0])
	b.at += size
	switch {
	case b.at > b.limits.Extracted:
		return tooMuch("all its files together have", b.limits.Extracted)
	case size > b.limits.File:
		return tooMuch(fmt.Sprintf("%q has", name), b.limits.File)
	}
	return b.put(name, n)
}

// Count counts an entry that is not added.
func (b *Builder) Count() error {
	if b.entries++; b.entries > b.limits.Entries {
		return tooMuch("its entries are", int64(b.limits.Entries))
	}
	return nil
}

// name is the path in the tree; "" for the folder that Top leaves out.
func (b *Builder) name(raw string) (string, error) {
	if err := b.Count(); err != nil {
		return "", err
	}
	name := raw
	if b.Top {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	if err := b.checkName(name); err != nil {
		return "", model.Invalidf("the name %q %w", shown(raw), err)
	}
	name = path.Clean(name)
	if b.Top {
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			return "", nil
		}
		name = rest
	}
	if strings.Count(name, "/") >= b.limits.Depth {
		return "", tooMuch(fmt.Sprintf("the folders of %q are", shown(raw)), int64(b.limits.Depth))
	}
	if name == "." {
		return "", nil
	}
	return name, nil
}

func (b *Builder) checkName(name string) error {
	switch {
	case len(name) > b.limits.Path:
		return fmt.Errorf("is longer than %d bytes", b.limits.Path)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("holds control characters or is not UTF-8")
	case strings.HasPrefix(name, "/"):
		return errors.New("is absolute")
	case strings.Contains(name, `\`):
		return errors.New("holds a backslash")
	case len(name) > 1 && name[1] == ':' && unicode.IsLetter(rune(name[0])):
		return errors.New("begins with a drive")
	case strings.Contains("/"+name+"/", "/../"):
		return errors.New("leads out of its folder")
	}
	return nil
}

// shown is a name for an error.
func shown(name string) string {
	if len(name) > 200 {
		return strings.ToValidUTF8(name[:200], "") + "…"
	}
	return name
}

func (b *Builder) put(name string, n *node) error {
	if old := b.index[name]; old != nil {
		if old.dir {
			return model.Invalidf("%q is a file and a folder", shown(name))
		}
		n.name = old.name
		*old = *n
		return nil
	}
	parent, err := b.folder(path.Dir(name))
	if err != nil {
		return err
	}
	n.name = path.Base(name)
	parent.kids = append(parent.kids, n)
	b.index[name] = n
	return nil
}

// folder is a folder, made if there is none.
func (b *Builder) folder(name string) (*node, error) {
	if n := b.index[name]; n != nil {
		if !n.dir {
			return nil, model.Invalidf("%q is a file and a folder", shown(name))
		}
		return n, nil
	}
	parent, err := b.folder(path.Dir(name))
	if err != nil {
		return nil, err
	}
	n := &node{name: path.Base(name), dir: true}
	parent.kids = append(parent.kids, n)
	b.index[name] = n
	return n, nil
}

// put puts a file from a list that is sorted by folders into a tree.
func (n *node) put(name string, file *node) error {
	for {
		first, rest, deeper := strings.Cut(name, "/")
		var last *node
		if len(n.kids) > 0 && n.kids[len(n.kids)-1].name == first {
			last = n.kids[len(n.kids)-1]
		}
		if !deeper {
			if last != nil {
				return fmt.Errorf("its list has %q twice", name)
			}
			file.name = first
			n.kids = append(n.kids, file)
			return nil
		}
		if last == nil {
			last = &node{name: first, dir: true}
			n.kids = append(n.kids, last)
		}
		if !last.dir {
			return fmt.Errorf("its list has %q as a file and a folder", first)
		}
		n, name = last, rest
	}
}

// Abort ends a tree that is not wanted.
func (b *Builder) Abort() {
	if b.file != nil {
		_ = b.file.Close()
		_ = os.Remove(b.file.Name())
		b.file = nil
	}
}

// Finish puts the tree into the room. Whether it succeeds or not, it is the end
// of the Builder.
func (b *Builder) Finish() (*Tree, error) {
	t, err := b.finish()
	if err != nil {
		b.Abort()
		return nil, fmt.Errorf("storing a tree: %w", err)
	}
	return t, nil
}

// Loose makes a tree that is in no room: nobody can open it again. Whether it
// succeeds or not, it is the end of the Builder.
func (b *Builder) Loose() (*Tree, error) {
	if err := b.out.Flush(); err != nil {
		b.Abort()
		return nil, fmt.Errorf("storing a tree: %w", err)
	}
	b.root.seal()
	return &Tree{root: b.root, content: b.file}, os.Remove(b.file.Name())
}

func (b *Builder) finish() (*Tree, error) {
	b.root.seal()
	t := &Tree{root: b.root, content: b.file}
	list := []listed{}
	_ = t.each(func(name string, n *node) error {
		list = append(list, listed{Name: name, Size: n.size, At: n.at, Sum: hex.EncodeToString(n.sum[:]), Executable: n.executable})
		return nil
	})
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	if _, err := b.out.Write(binary.BigEndian.AppendUint64(text, uint64(len(text)))); err != nil {
		return nil, err
	}
	if err := b.out.Flush(); err != nil {
		return nil, err
	}
	if err := os.Rename(b.file.Name(), filepath.Join(b.room.Dir, t.ID())); err != nil {
		return nil, err
	}
	return t, nil
}

// Copy puts a file of another tree into this one.
func (b *Builder) Copy(from *Tree, name string) error {
	f, err := from.Open(name)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return b.Add(name, st.Mode()&fs.FileMode(0o100) != 0, f)
}
