package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Form is how files are put together.
type Form string

// The forms that are known by their first bytes.
const (
	Gzip  Form = "gzip"
	Tar   Form = "tar"
	Zip   Form = "zip"
	Zstd  Form = "zstd"
	Plain Form = "plain" // no archive
)

// FormOf looks at the first bytes of a file.
func FormOf(r io.ReaderAt) (Form, error) {
	head := make([]byte, 512)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return Gzip, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return Zstd, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return Zip, nil
	case len(head) == 512 && (string(head[257:262]) == "ustar" || bytes.Count(head, []byte{0}) == 512):
		return Tar, nil
	}
	return Plain, nil
}

// Extract adds what is in an archive of size bytes: a tar, a gzipped tar, or a
// zip. Whatever is wrong with the archive is model.ErrInvalid.
func (b *Builder) Extract(r io.ReaderAt, size int64) error {
	if size > b.limits.Compressed {
		return tooMuch("it has", b.limits.Compressed)
	}
	form, err := FormOf(r)
	if err != nil {
		return err
	}
	whole := io.NewSectionReader(r, 0, size)
	switch form {
	case Gzip:
		z, err := gzip.NewReader(whole)
		if err != nil {
			return broken(err)
		}
		return b.tar(z)
	case Tar:
		return b.tar(whole)
	case Zip:
		return b.zip(r, size)
	case Zstd:
		return model.Invalidf("it is compressed with zstd, which is not supported; use gzip")
	}
	return model.Invalidf("it is no tar, gzipped tar or zip")
}

func broken(err error) error {
	if errors.Is(err, model.ErrInvalid) {
		return err
	}
	return model.Invalidf("it is damaged: %w", err)
}

// tar streams; nothing but the file that it is at is looked at.
func (b *Builder) tar(r io.Reader) error {
	// The headers of skipped entries count too, and so does what is skipped.
	most := b.limits.Extracted + int64(b.limits.Entries)*2048
	in := &budget{Reader: r, left: most, limit: most}
	archive := tar.NewReader(in)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		switch h.Typeflag {
		case tar.TypeReg:
			err = b.Add(h.Name, h.Mode&0o100 != 0, archive)
		case tar.TypeDir, tar.TypeSymlink, tar.TypeXGlobalHeader:
			err = b.Count()
		case tar.TypeLink:
			err = model.Invalidf("%q is a hard link, which is not allowed", shown(h.Name))
		default:
			err = model.Invalidf("%q is neither a file nor a folder, which is not allowed", shown(h.Name))
		}
		if err != nil {
			return broken(err)
		}
	}
}

// maxDirectory bounds the list of files in a zip, which is read into memory.
const maxDirectory = 8 << 20

func (b *Builder) zip(r io.ReaderAt, size int64) error {
	in := &budgetAt{ReaderAt: r, left: maxDirectory}
	archive, err := zip.NewReader(in, size)
	if err != nil {
		return broken(err)
	}
	in.off = true
	for _, f := range archive.File {
		switch mode := f.Mode(); {
		case mode.IsRegular():
			err = b.unzip(f, mode)
		case mode.IsDir(), mode&fs.ModeSymlink != 0:
			err = b.Count()
		default:
			err = model.Invalidf("%q is neither a file nor a folder, which is not allowed", shown(f.Name))
		}
		if err != nil {
			return broken(err)
		}
	}
	return nil
}

func (b *Builder) unzip(f *zip.File, mode fs.FileMode) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	return b.Add(f.Name, mode&0o100 != 0, r)
}

// budget ends a stream that is longer than it may be.
type budget struct {
	io.Reader
	left, limit int64
}

func (b *budget) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooMuch("it has, extracted,", b.limit)
	}
	return n, err
}

// budgetAt ends the reading of a file until it is switched off.
type budgetAt struct {
	io.ReaderAt
	left int
	off  bool
}

func (b *budgetAt) ReadAt(p []byte, at int64) (int, error) {
	if !b.off {
		if b.left -= len(p); b.left < 0 {
			return 0, model.Invalidf("its list of files is longer than %d bytes", maxDirectory)
		}
	}
	return b.ReaderAt.ReadAt(p, at)
}

// One makes a tree of a single file.
func (r *Room) One(name string, content io.Reader) (*Tree, error) {
	b, err := r.Build()
	if err != nil {
		return nil, err
	}
	if err := b.Add(name, false, content); err != nil {
		b.Abort()
		return nil, fmt.Errorf("storing %q: %w", shown(name), err)
	}
	return b.Finish()
}

// Unpack makes a tree of an archive of size bytes. With top the first part of
// each name is left out, as in a chart's archive.
func (r *Room) Unpack(archive io.ReaderAt, size int64, top bool) (*Tree, error) {
	b, err := r.Build()
	if err != nil {
		return nil, err
	}
	b.Top = top
	if err := b.Extract(archive, size); err != nil {
		b.Abort()
		return nil, fmt.Errorf("extracting: %w", err)
	}
	return b.Finish()
}
