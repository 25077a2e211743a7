package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
)

// ErrTooLarge says that a download is larger than it may be. It is
// model.ErrInvalid too.
var ErrTooLarge = errors.New("too large")

// Save writes a stream to w and returns its size and digest, sha256:…. More than
// limit bytes are ErrTooLarge, told after limit bytes.
func Save(w io.Writer, r io.Reader, limit int64) (int64, string, error) {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(r, limit+1))
	if err != nil {
		return n, "", err
	}
	if n > limit {
		return n, "", model.As(ErrTooLarge, model.Invalidf("it is larger than the limit of %d bytes", limit))
	}
	return n, "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// File is a downloaded file. Close removes it.
type File struct {
	*archive.Temp
	Size   int64
	Digest string // sha256:…
}

// Download puts a stream into a file of the room; with a digest, it has to have
// it. limit is as in Save.
func Download(room *archive.Room, r io.Reader, limit int64, digest string) (*File, error) {
	t, err := room.Temp()
	if err != nil {
		return nil, fmt.Errorf("making a file: %w", err)
	}
	n, got, err := Save(t, r, limit)
	if err == nil && digest != "" && got != digest {
		err = model.As(model.ErrInvalid, fmt.Errorf("its digest is %s and not %s, as it should be; it was changed on the way, or the server is wrong", got, digest))
	}
	if err != nil {
		_ = t.Close()
		return nil, err
	}
	return &File{Temp: t, Size: n, Digest: got}, nil
}
