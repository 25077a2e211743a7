package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var errMissing = errors.New("the object is not in the mirror")

// tooLarge is the error for an object beyond the limit.
type tooLarge struct{ size int64 }

func (e *tooLarge) Error() string { return fmt.Sprintf("it has %d bytes", e.size) }

func (e *tooLarge) refusal(limit int64) error {
	return fmt.Errorf("the file has %d bytes and at most %d are read; keep it out of the repository or raise the limit", e.size, limit)
}

// reader reads the objects of one mirror through long-lived git cat-file
// processes. They run in an empty repository that only borrows the mirror's
// objects: it knows no remote, so an object that is missing is never fetched
// behind our back.
type reader struct {
	git     *git
	gitDir  string
	objects string
	started *atomic.Int64
	blobs   *blobs

	mu    sync.Mutex
	batch *catFile // contents
	check *catFile // sizes
	used  time.Time
}

// object is what cat-file says about one.
type object struct {
	id      string
	kind    string
	size    int64
	missing bool
}

// read returns an object's type and content; errMissing, or a *tooLarge with
// limit >= 0, without loading it.
func (r *reader) read(id oid, limit int64) (string, []byte, error) {
	if it, ok := r.blobs.find(blobKey{r, id}); ok {
		if limit >= 0 && it.size > limit {
			return "", nil, &tooLarge{it.size}
		}
		if it.data != nil {
			return kindBlob, bytes.Clone(it.data), nil
		}
	}
	kind, data, err := r.load(id, limit)
	var large *tooLarge
	switch {
	case errors.As(err, &large):
		r.blobs.add(blobKey{r, id}, blob{size: large.size})
	case err == nil && kind == kindBlob && len(data) > 0 && len(data) <= blobSize:
		r.blobs.add(blobKey{r, id}, blob{bytes.Clone(data), int64(len(data))})
	}
	return kind, data, err
}

const kindBlob = "blob"

// size is the size of a file; errMissing if it is not here.
func (r *reader) size(id oid) (int64, error) {
	if it, ok := r.blobs.find(blobKey{r, id}); ok {
		return it.size, nil
	}
	_, data, err := r.read(id, blobSize) // who asks for the size of a small file reads it next
	var large *tooLarge
	if errors.As(err, &large) {
		return large.size, nil
	}
	return int64(len(data)), err
}

func (r *reader) load(id oid, limit int64) (string, []byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used = time.Now()
	for try := 0; ; try++ {
		kind, data, err := r.readOnce(id, limit)
		var large *tooLarge
		if err == nil || errors.Is(err, errMissing) || errors.As(err, &large) {
			return kind, data, err
		}
		// The process may have died of something old; a fresh one decides.
		r.stop(&r.batch)
		if try > 0 {
			return "", nil, fmt.Errorf("reading object %s: %w", id, err)
		}
	}
}

func (r *reader) readOnce(id oid, limit int64) (string, []byte, error) {
	c, err := r.process(&r.batch, "--batch")
	if err != nil {
		return "", nil, err
	}
	o, err := c.ask(id.String())
	switch {
	case err != nil:
		return "", nil, err
	case o.missing:
		return "", nil, errMissing
	case limit >= 0 && o.size > limit:
		if o.size > pastSize {
			r.stop(&r.batch)
		} else if _, err := io.CopyN(io.Discard, c.out, o.size+1); err != nil {
			return "", nil, err
		}
		return "", nil, &tooLarge{o.size}
	}
	data := make([]byte, o.size+1)
	if _, err := io.ReadFull(c.out, data); err != nil {
		return "", nil, err
	}
	return o.kind, data[:o.size], nil
}

// info tells sizes and types. Objects that are missing say so.
func (r *reader) info(ids []oid) ([]object, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used = time.Now()
	// Small portions, since both pipes have to hold one.
	const portion = 200
	out := make([]object, 0, len(ids))
	for len(ids) > 0 {
		n := min(portion, len(ids))
		got, err := r.infoOnce(ids[:n])
		if err != nil {
			r.stop(&r.check)
			if got, err = r.infoOnce(ids[:n]); err != nil {
				r.stop(&r.check)
				return nil, fmt.Errorf("looking at objects: %w", err)
			}
		}
		out, ids = append(out, got...), ids[n:]
	}
	return out, nil
}

func (r *reader) infoOnce(ids []oid) ([]object, error) {
	c, err := r.process(&r.check, "--batch-check")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(id.String())
		b.WriteByte('\n')
	}
	if _, err := io.WriteString(c.in, b.String()); err != nil {
		return nil, err
	}
	out := make([]object, len(ids))
	for i := range out {
		if out[i], err = c.answer(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// close ends the processes that were idle since before. They start again when
// they are needed.
func (r *reader) close(before time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used.Before(before) {
		r.stop(&r.batch)
		r.stop(&r.check)
	}
}

func (r *reader) process(slot **catFile, mode string) (*catFile, error) {
	if *slot != nil {
		return *slot, nil
	}
	cmd := exec.Command(r.git.program, "cat-file", mode)
	cmd.Env = append(r.git.env(r.gitDir, [][2]string{{"core.bigFileThreshold", "8m"}}), "GIT_OBJECT_DIRECTORY="+r.objects)
	cmd.Dir = r.git.home
	cmd.SysProcAttr = ownGroup()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting git cat-file: %w", err)
	}
	r.started.Add(1)
	*slot = &catFile{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 64<<10)}
	return *slot, nil
}

func (r *reader) stop(slot **catFile) {
	c := *slot
	if c == nil {
		return
	}
	*slot = nil
	_ = c.in.Close()
	_ = killGroup(c.cmd.Process)
	_ = c.cmd.Wait()
}

// catFile is a running git cat-file.
type catFile struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (c *catFile) ask(id string) (object, error) {
	if _, err := io.WriteString(c.in, id+"\n"); err != nil {
		return object{}, err
	}
	return c.answer()
}

// answer reads a line "ID TYPE SIZE" or "ID missing".
func (c *catFile) answer() (object, error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return object{}, err
	}
	f := strings.Fields(line)
	if len(f) == 2 && f[1] == "missing" {
		return object{id: f[0], missing: true}, nil
	}
	if len(f) != 3 {
		return object{}, fmt.Errorf("git cat-file answered %q", strings.TrimSpace(line))
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		return object{}, fmt.Errorf("git cat-file answered %q", strings.TrimSpace(line))
	}
	return object{id: f[0], kind: f[1], size: size}, nil
}
