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
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

type member struct {
	name, body string
	kind       byte // 0 is a file
	link       string
	mode       int64
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: m.mode | 0o600, Typeflag: m.kind, Linkname: m.link, Format: tar.FormatPAX}
		if m.kind == 0 {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(m.body))
		}
		if m.kind == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: m.kind, Name: m.name, PAXRecords: map[string]string{"comment": m.body}}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, m.body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gz(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zipOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		h.SetMode(fs.FileMode(m.mode) | 0o600)
		switch m.kind {
		case tar.TypeSymlink:
			h.SetMode(fs.ModeSymlink | 0o777)
		case tar.TypeBlock:
			h.SetMode(fs.ModeDevice | 0o600)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, m.body+m.link); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func room(t testing.TB, limits Limits) *Room {
	t.Helper()
	r, err := OpenRoom(t.TempDir(), limits)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Room) unpack(data []byte, top bool) (*Tree, error) {
	return r.Unpack(bytes.NewReader(data), int64(len(data)), top)
}

// contents are all files of a tree; a * marks those that are executable.
func contents(t testing.TB, tree *Tree) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := tree.ReadFile(name)
		if st, _ := e.Info(); st.Mode()&0o100 != 0 {
			name += "*"
		}
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var long = strings.Repeat("long/", 40) + "name.yaml"

func TestExtract(t *testing.T) {
	members := []member{
		{name: "./", kind: tar.TypeDir},
		{name: "pax", kind: tar.TypeXGlobalHeader, body: "a commit"},
		{name: "./a.yaml", body: "a"},
		{name: "dir/b.yaml", body: "b"},
		{name: "dir/run.sh", body: "#!", mode: 0o755},
		{name: "link", kind: tar.TypeSymlink, link: "/etc/passwd"},
		{name: "dir/inside", kind: tar.TypeSymlink, link: "b.yaml"},
		{name: long, body: "deep"},
		{name: "empty/", kind: tar.TypeDir},
		{name: "dir//b.yaml", body: "the later one"},
		{name: "nothing", body: ""},
		{name: "größe.yaml", body: "utf-8"},
	}
	want := map[string]string{
		"a.yaml": "a", "dir/b.yaml": "the later one", "dir/run.sh*": "#!", long: "deep", "nothing": "", "größe.yaml": "utf-8",
	}
	var inZip []member
	for _, m := range members {
		if m.kind == 0 || m.kind == tar.TypeSymlink {
			inZip = append(inZip, m)
		}
	}
	ids := map[string]bool{}
	for name, data := range map[string][]byte{
		"tar": tarOf(t, members...), "tar.gz": gz(t, tarOf(t, members...)), "zip": zipOf(t, inZip...),
	} {
		r := room(t, Limits{})
		tree, err := r.unpack(data, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, contents(t, tree)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if err := fstest.TestFS(tree, "a.yaml", "dir/b.yaml", long); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ids[tree.ID()] = true
	}
	if len(ids) != 1 {
		t.Errorf("the same files have the hashes %v", ids)
	}
}

func TestExtractChart(t *testing.T) {
	tree, err := room(t, Limits{}).unpack(gz(t, tarOf(t,
		member{name: "app/", kind: tar.TypeDir},
		member{name: "app/Chart.yaml", body: "name: app"},
		member{name: `app\templates\a.yaml`, body: "made on Windows"},
		member{name: "other/values.yaml", body: "any folder is the chart's"},
		member{name: "README", body: "beside the chart"},
	)), true)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Chart.yaml": "name: app", "templates/a.yaml": "made on Windows", "values.yaml": "any folder is the chart's"}
	if diff := cmp.Diff(want, contents(t, tree)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestRefusedArchives has the classes of CVE-2022-24877, GHSA-g687-f2gx-6wm8 and
// CVE-2026-47680: names that lead out, special files, and bombs.
func TestRefusedArchives(t *testing.T) {
	small := Limits{Compressed: 64 << 10, Extracted: 10_000, File: 5_000, Entries: 20, Path: 64, Depth: 4}
	many := make([]member, 21)
	for i := range many {
		many[i] = member{name: fmt.Sprint("f", i)}
	}
	folders := make([]member, 21)
	for i := range folders {
		folders[i] = member{name: "same/", kind: tar.TypeDir}
	}
	four := strings.Repeat("x", 4_000)
	one := func(name string) []byte { return tarOf(t, member{name: name, body: "x"}) }
	tests := map[string]struct {
		data []byte
		want string
	}{
		"leads out":             {one("../x"), "leads out"},
		"leads out later":       {one("a/../../x"), "leads out"},
		"ends in ..":            {one("a/.."), "leads out"},
		"leads out, zip":        {zipOf(t, member{name: "../x"}), "leads out"},
		"absolute":              {one("/etc/passwd"), "absolute"},
		"absolute, zip":         {zipOf(t, member{name: "/etc/passwd"}), "absolute"},
		"backslash":             {one(`..\x`), "backslash"},
		"drive":                 {one("C:x"), "drive"},
		"control character":     {one("a\nb"), "control"},
		"hard link":             {tarOf(t, member{name: "x", kind: tar.TypeLink, link: "/etc/passwd"}), "hard link"},
		"hard link inside":      {tarOf(t, member{name: "a"}, member{name: "b", kind: tar.TypeLink, link: "a"}), "hard link"},
		"character device":      {tarOf(t, member{name: "null", kind: tar.TypeChar}), "neither a file nor a folder"},
		"block device":          {tarOf(t, member{name: "sda", kind: tar.TypeBlock}), "neither a file nor a folder"},
		"device, zip":           {zipOf(t, member{name: "sda", kind: tar.TypeBlock}), "neither a file nor a folder"},
		"named pipe":            {tarOf(t, member{name: "pipe", kind: tar.TypeFifo}), "neither a file nor a folder"},
		"file below a link":     {tarOf(t, member{name: "a"}, member{name: "a/b"}), "is a file and a folder"},
		"folder, then file":     {tarOf(t, member{name: "a/b"}, member{name: "a"}), "is a file and a folder"},
		"file too large":        {tarOf(t, member{name: "a", body: strings.Repeat("x", 5_001)}), "limit of 5000"},
		"all too large":         {tarOf(t, member{name: "a", body: four}, member{name: "b", body: four}, member{name: "c", body: four}), "limit of 10000"},
		"same name, too large":  {tarOf(t, member{name: "a", body: four}, member{name: "a", body: four}, member{name: "a", body: four}), "limit of 10000"},
		"bomb":                  {gz(t, tarOf(t, member{name: "a", body: strings.Repeat("\x00", 20<<20)})), "limit of 5000"},
		"bomb, zip":             {zipOf(t, member{name: "a", body: strings.Repeat("\x00", 20<<20)}), "limit of 5000"},
		"bomb of skipped bytes": {gz(t, bytes.Repeat(tarOf(t, member{name: "größe"})[:1024], 100)), "it has, extracted"},
		"too many files":        {tarOf(t, many...), "limit of 20"},
		"too many files, zip":   {zipOf(t, many...), "limit of 20"},
		"too many folders":      {tarOf(t, folders...), "limit of 20"},
		"name too long":         {one(strings.Repeat("n", 65)), "longer than 64"},
		"too deep":              {one("a/b/c/d/e"), "limit of 4"},
		"archive too large":     {make([]byte, 65<<10), "limit of 65536"},
		"empty":                 {nil, "no tar"},
		"text":                  {[]byte("kind: ConfigMap"), "no tar"},
		"zstd":                  {[]byte{0x28, 0xb5, 0x2f, 0xfd, 0}, "zstd"},
		"cut off":               {gz(t, tarOf(t, member{name: "a", body: four}))[:60], "damaged"},
		"gzip of text":          {gz(t, []byte("kind: ConfigMap")), "damaged"},
		"zip cut off":           {zipOf(t, member{name: "a", body: four})[:40], "damaged"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := room(t, small)
			_, err := r.unpack(tt.data, false)
			if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an invalid archive: %s", err, tt.want)
			}
			if left, err := os.ReadDir(r.Dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestZipDirectoryBomb: the list of a zip's files is read into memory as a whole,
// so it is bounded before.
func TestZipDirectoryBomb(t *testing.T) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := range 40_000 {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("%0200d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := room(t, Limits{}).unpack(buf.Bytes(), false)
	if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "list of files") {
		t.Errorf("got %v", err)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(tarOf(f, member{name: "a/b", body: "x"}, member{name: "l", kind: tar.TypeSymlink, link: "/"}), true)
	f.Add(gz(f, tarOf(f, member{name: "a", body: "x"}, member{name: "../b", body: "x"})), false)
	f.Add(zipOf(f, member{name: "a/b", body: "x"}, member{name: `c\d`, body: "y"}), false)
	limits := Limits{Compressed: 1 << 20, Extracted: 1 << 20, File: 1 << 18, Entries: 100, Path: 256, Depth: 8}
	r := room(f, limits)
	f.Fuzz(func(t *testing.T, data []byte, top bool) {
		tree, err := r.unpack(data, top)
		if err != nil {
			if !errors.Is(err, model.ErrInvalid) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if tree.Size() > limits.Extracted {
			t.Fatalf("%d bytes", tree.Size())
		}
		got := contents(t, tree)
		for name := range got {
			if !fs.ValidPath(name) {
				t.Fatalf("the name %q", name)
			}
		}
		again, err := r.Open(tree.ID())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, contents(t, again)); diff != "" {
			t.Fatal(diff)
		}
		if err := r.Remove(tree.ID()); err != nil {
			t.Fatal(err)
		}
	})
}
