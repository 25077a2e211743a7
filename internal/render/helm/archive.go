package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
)

// maxUnpacked bounds what all archives of a chart together become: Helm's own
// limit of one. maxEntries bounds how many files they hold.
const (
	maxUnpacked = 100 << 20
	maxEntries  = 50_000
)

// packed matches the path of an archive that is a dependency of a chart, or of
// one of its dependencies. Helm leaves out names that begin with _ or a dot.
var packed = regexp.MustCompile(`^(?:charts/[^/]+/)*charts/[^/_.][^/]*\.tgz$`)

// unpacked is put behind the name of an archive for the directory that holds
// its files, so that Helm takes it for one.
const unpacked = " (archive)"

// unpackAll puts the files of archives in charts/ in the place of the archives,
// also of those inside of archives.
func unpackAll(files []*archive.BufferedFile) ([]*archive.BufferedFile, error) {
	u := unpacker{left: maxUnpacked, entries: maxEntries}
	var out []*archive.BufferedFile
	for len(files) > 0 {
		f := files[0]
		files = files[1:]
		if !packed.MatchString(f.Name) {
			out = append(out, f)
			continue
		}
		inner, err := u.unpack(f.Data)
		if err != nil {
			return nil, model.Invalidf("%s: %w", strings.ReplaceAll(f.Name, unpacked, ""), err)
		}
		files = append(below(f.Name+unpacked, inner), files...)
	}
	return out, nil
}

// unpacker unpacks archives up to a common limit.
type unpacker struct {
	left    int64
	entries int
}

var errTooBig = fmt.Errorf("the archives of the chart unpack to more than %d MiB or %d files", maxUnpacked>>20, maxEntries)

// unpack reads a packaged chart: the files of its one directory. Anything that
// is no file or directory, and names that lead elsewhere, are refused.
func (u *unpacker) unpack(data []byte) ([]*archive.BufferedFile, error) {
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errors.New("not an archive compressed by gzip; package the chart again")
	}
	// What tar skips counts as well.
	content := &limited{from: zip, left: &u.left}
	in := tar.NewReader(content)
	var files []*archive.BufferedFile
	for {
		h, err := in.Next()
		switch {
		case errors.Is(err, io.EOF) && len(files) == 0:
			return nil, errors.New("an archive without files")
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return nil, damaged(err)
		}
		if u.entries--; u.entries < 0 {
			return nil, errTooBig
		}
		f, err := readMember(in, h)
		if err != nil {
			return nil, err
		}
		if f != nil {
			files = append(files, f)
		}
	}
}

// damaged is an error of reading an archive.
func damaged(err error) error {
	if errors.Is(err, errTooBig) {
		return errTooBig
	}
	return errors.New("a damaged archive; package the chart again")
}

func readMember(in io.Reader, h *tar.Header) (*archive.BufferedFile, error) {
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader, tar.TypeXHeader:
		return nil, nil
	case tar.TypeReg:
	default:
		return nil, fmt.Errorf("%q is a link or a device; a chart holds files only", h.Name)
	}
	name, err := memberName(h.Name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, damaged(err)
	}
	return &archive.BufferedFile{Name: name, Data: bytes.TrimPrefix(data, utf8BOM)}, nil
}

// memberName is the path of a file below the archive's one directory.
func memberName(full string) (string, error) {
	full = strings.ReplaceAll(full, `\`, "/")
	_, name, _ := strings.Cut(full, "/")
	clean := path.Clean(name)
	switch {
	case name == "" || clean == ".":
		return "", fmt.Errorf("%q lies outside of the chart's directory in the archive", full)
	case path.IsAbs(name), clean == "..", strings.HasPrefix(clean, "../"), drive.MatchString(clean):
		return "", fmt.Errorf("%q leads out of the chart", full)
	}
	return clean, nil
}

// drive begins a path of Windows.
var drive = regexp.MustCompile(`^[a-zA-Z]:/`)

// limited reads until nothing is left of what is shared with others.
type limited struct {
	from io.Reader
	left *int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if *l.left -= int64(n); *l.left < 0 {
		return 0, errTooBig
	}
	return n, err
}
