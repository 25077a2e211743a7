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
	"path/filepath"
	"strings"
)

// Room is a folder of trees. Its files are readable to their owner alone.
type Room struct {
	// Dir exists, and nothing else is in it. Temporary files have names that
	// begin with "tmp-".
	Dir    string
	Limits Limits
}

// OpenRoom makes the folder if there is none, and removes what a process left
// behind half done.
func OpenRoom(dir string, limits Limits) (*Room, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(dir, "tmp-*"))
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return nil, err
		}
	}
	return &Room{Dir: dir, Limits: limits.WithDefaults()}, nil
}

// Temp is a new file that Close removes.
func (r *Room) Temp() (*Temp, error) {
	f, err := os.CreateTemp(r.Dir, "tmp-")
	if err != nil {
		return nil, err
	}
	return &Temp{File: f}, nil
}

// Temp is a file for the time of a fetch.
type Temp struct{ *os.File }

// Close closes the file and removes it.
func (t *Temp) Close() error { return errors.Join(t.File.Close(), os.Remove(t.Name())) }

// listed is a file in the list at the end of a tree's file.
type listed struct {
	Name       string `json:"n"`
	Size       int64  `json:"s"`
	At         int64  `json:"a"`
	Sum        string `json:"h"`
	Executable bool   `json:"x,omitempty"`
}

// maxList bounds the list that is read back.
const maxList = 64 << 20

// Open opens a tree that is in the room. One that is damaged is an error.
func (r *Room) Open(id string) (*Tree, error) {
	path, err := r.path(id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t, err := readTree(f)
	if err == nil && t.ID() != id {
		err = errors.New("its hash is not the one that it is named by")
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("opening a stored tree: %w", err)
	}
	return t, nil
}

func (r *Room) path(id string) (string, error) {
	if sum, err := hex.DecodeString(id); err != nil || len(sum) != sha256.Size || strings.ToLower(id) != id {
		return "", fmt.Errorf("%q is no hash of a tree", id)
	}
	return filepath.Join(r.Dir, id), nil
}

// Remove removes the file of a tree, if there is one. Trees that are open stay
// readable.
func (r *Room) Remove(id string) error {
	path, err := r.path(id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// IDs are the trees that are in the room.
func (r *Room) IDs() ([]string, error) {
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if _, err := r.path(e.Name()); err == nil {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func readTree(f *os.File) (*Tree, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var tail [8]byte
	if _, err := f.ReadAt(tail[:], st.Size()-8); err != nil {
		return nil, err
	}
	length := int64(binary.BigEndian.Uint64(tail[:]))
	if length < 0 || length > maxList || length > st.Size()-8 {
		return nil, errors.New("its list has no possible length")
	}
	var list []listed
	begin := st.Size() - 8 - length
	if err := json.NewDecoder(bufio.NewReader(io.NewSectionReader(f, begin, length))).Decode(&list); err != nil {
		return nil, err
	}
	t := &Tree{root: &node{dir: true}, content: f}
	for _, l := range list {
		sum, err := hex.DecodeString(l.Sum)
		if err != nil || len(sum) != sha256.Size || l.At < 0 || l.Size < 0 || l.Size > begin-l.At || !fs.ValidPath(l.Name) {
			return nil, fmt.Errorf("its list is wrong at %q", l.Name)
		}
		n := &node{size: l.Size, at: l.At, sum: [sha256.Size]byte(sum), executable: l.Executable}
		if err := t.root.put(l.Name, n); err != nil {
			return nil, err
		}
	}
	t.root.seal()
	return t, nil
}
