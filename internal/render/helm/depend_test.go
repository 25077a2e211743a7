package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/google/go-cmp/cmp"
)

// sub is a chart that others depend on.
func sub(name, version string) files {
	return files{
		"Chart.yaml":        "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n",
		"values.yaml":       "from: " + name + "\n",
		"templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Chart.Name }}-{{ .Chart.Version }}}\n",
	}
}

// parent is a chart with the dependencies, as YAML of a list.
func parent(dependencies string) files {
	return files{"Chart.yaml": "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: " + dependencies + "\n"}
}

func TestDependencies(t *testing.T) {
	const repo, registry = "https://charts.example.com/stable", "oci://registry.example.com/charts"
	host := func() *fakeHost {
		return &fakeHost{charts: map[string]files{
			repo + " a 1.x":       sub("a", "1.5.0"),
			repo + " a 1.2.0":     sub("a", "1.2.0"),
			repo + " a 2.0.0":     sub("a", "2.0.0"),
			registry + " b ^3":    sub("b", "3.1.4"),
			registry + " b 3.0.0": sub("b", "3.0.0").with(files{".helmignore": "templates/\n"}),
		}}
	}
	lock := func(declared, locked string) string {
		return "digest: " + lockDigest(t, declared, locked) + "\ndependencies: " + locked + "\n"
	}
	both := `[{"name": "a", "version": "1.x", "repository": "` + repo + `"}, {"name": "b", "version": "^3", "repository": "` + registry + `"}]`
	locked := `[{"name": "a", "version": "1.2.0", "repository": "` + repo + `"}, {"name": "b", "version": "3.0.0", "repository": "` + registry + `"}]`
	cases := map[string]struct {
		reason string
		files  files
		want   []string
		fails  string
		warns  string
	}{
		"Remote": {files: parent(both).in("c"), want: []string{"a-1.5.0", "b-3.1.4"}},
		"Locked": {reason: "the versions of the lock file; a packaged chart has no .helmignore any more",
			files: parent(both).with(files{"Chart.lock": lock(both, locked)}).in("c"), want: []string{"a-1.2.0", "b-3.0.0"}},
		"LockedElse": {files: parent(both).with(files{"Chart.lock": lock("[]", locked)}).in("c"), fails: "its lock file does not fit"},
		"Vendored": {reason: "what is there is not asked for",
			files: parent(both).with(sub("a", "1.0.1").in("charts/a")).with(sub("b", "3.0.9").in("charts/x")).in("c"), want: []string{"a-1.0.1", "b-3.0.9"}},
		"HalfVendored": {reason: "if one is missing, all are got",
			files: parent(both).with(sub("a", "1.0.1").in("charts/a")).in("c"), want: []string{"a-1.5.0", "b-3.1.4"}},
		"OtherVersion": {files: parent(`[{name: a, version: 9.x}]`).with(sub("a", "1.0.1").in("charts/a")).in("c"),
			want: []string{"a-1.0.1"}, warns: "its dependency a has to be 9.x, and charts/ has 1.0.1"},
		"TwoVersions": {files: parent(`[{name: a, version: 1.x, repository: "` + repo + `"}, {name: a, version: 2.0.0, repository: "` + repo + `", alias: new}]`).in("c"),
			want: []string{"a-1.5.0", "new-2.0.0"}},
		"NoRepository": {files: parent(`[{name: a, version: 1.x}]`).in("c"), fails: "names no repository and is not in charts/"},
		"Scheme":       {files: parent(`[{name: a, version: 1.x, repository: "s3://bucket/x"}]`).in("c"), fails: "it has to be an http, https, oci or file URL"},
		"Local": {files: parent(`[{name: l, version: ">=0", repository: "file://../libs/l"}]`).in("c").
			with(sub("l", "0.3.0").with(files{"x/Chart.yaml": "broken: [", ".helmignore": "x\n"}).in("libs/l")), want: []string{"l-0.3.0"}},
		"LocalVersion": {files: parent(`[{name: l, version: "1.x", repository: "file://../l"}]`).in("c").with(sub("l", "0.3.0").in("l")), fails: "has to be 1.x, and l is 0.3.0"},
		"LocalMissing": {files: parent(`[{name: l, version: "1.x", repository: "file://../l"}]`).in("c"), fails: "there is no chart in l"},
		"LocalNested": {reason: "Helm leaves out what a dependency from elsewhere lacks",
			files: parent(`[{name: l, version: "*", repository: "file://../l"}]`).in("c").
				with(sub("l", "1.0.0").with(parent(`[{name: m, version: "*", repository: "file://../m"}]`)).with(files{"Chart.yaml": "name: l\nversion: 1.0.0\ndependencies: [{name: m, version: '*', repository: 'file://../m'}]"}).in("l")),
			want: []string{"l-1.0.0"}, warns: "its dependency m * is not in charts/"},
		"LocalOutside":  {files: parent(`[{name: l, version: "*", repository: "file://../../../etc"}]`).in("c"), fails: "leads out of the source"},
		"LocalAbsolute": {files: parent(`[{name: l, version: "*", repository: "file:///etc"}]`).in("c"), fails: "leads out of the source"},
		"LocalLink":     {files: parent(`[{name: l, version: "*", repository: "file://../l"}]`).in("c").with(files{"l": linkOut}), fails: "there is no chart in l"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := render(t, c.files, "c", model.Helm{}, Options{}, host(), nil)
			if c.fails != "" {
				got.failsWith(t, c.fails)
				return
			}
			if got.err != nil {
				t.Fatal(got.err)
			}
			names := []string{}
			for _, o := range got.objects {
				names = append(names, o.Name)
			}
			slices.Sort(names)
			if diff := cmp.Diff(append([]string{}, c.want...), names); diff != "" {
				t.Errorf("%s: objects (-want +got):\n%s", c.reason, diff)
			}
			if all := strings.Join(got.warnings, "\n"); !strings.Contains(all, c.warns) || c.warns == "" && all != "" {
				t.Errorf("%s: warnings %q, want %q", c.reason, all, c.warns)
			}
		})
	}
}

// lockDigest is what Helm writes into a lock file, by its own account of it.
func lockDigest(t *testing.T, declared, locked string) string {
	t.Helper()
	l, err := parseChart(parent(declared).buffered())
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseChart(parent(locked).buffered())
	if err != nil {
		t.Fatal(err)
	}
	return hashOf([]any{l.chart.Metadata.Dependencies, o.chart.Metadata.Dependencies})
}

// GHSA-94mc-2ch7-r5r5: only repositories are asked for that the chart itself
// declares, and without any credentials.
func TestSecurityDependencyRepositories(t *testing.T) {
	const repo = "https://charts.example.com"
	inner := sub("a", "1.0.0").with(files{"Chart.yaml": "name: a\nversion: 1.0.0\ndependencies: [{name: evil, version: 1.0.0, repository: 'https://evil.example.com'}]"})
	host := &fakeHost{charts: map[string]files{repo + " a 1.0.0": inner}}
	got := render(t, parent(`[{name: a, version: 1.0.0, repository: "`+repo+`"}]`), ".", model.Helm{PassCredentials: true}, Options{}, host, nil)
	if got.err != nil {
		t.Fatal(got.err)
	}
	want := []model.Source{{Kind: model.SourceHelm, URL: repo, Chart: "a", Ref: model.Ref{Any: "1.0.0"}, Auth: model.Auth{PassCredentials: true}}}
	if !slices.EqualFunc(want, host.asked, model.Source.Equal) {
		t.Errorf("asked for %v, want %v", host.asked, want)
	}
	denied := render(t, parent(`[{name: a, version: 1.0.0, repository: "https://u:p@other.example.com/x?token=`+secret+`"}]`), ".", model.Helm{}, Options{}, host, nil)
	if !errors.Is(denied.err, model.ErrDenied) {
		t.Errorf("error %v, want ErrDenied", denied.err)
	}
}

// member is a file of an archive.
type member struct {
	name, text string
	kind       byte
}

// archiveOf is a packaged chart.
func archiveOf(t *testing.T, members ...member) string {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.kind, Size: int64(len(m.text)), Mode: 0o644}
		if m.kind == tar.TypeSymlink || m.kind == tar.TypeLink {
			h.Linkname, h.Size, m.text = m.text, 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// packed is a chart as an archive.
func (f files) packed(t *testing.T, dir string) string {
	t.Helper()
	members := []member{{name: dir + "/", kind: tar.TypeDir}}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		members = append(members, member{name: dir + "/" + name, text: f[name], kind: tar.TypeReg})
	}
	return archiveOf(t, members...)
}

func TestArchives(t *testing.T) {
	leaf := sub("leaf", "0.1.0")
	mid := sub("mid", "1.0.0").with(files{"Chart.yaml": "name: mid\nversion: 1.0.0\ndependencies: [{name: leaf, version: '*'}]"})
	top := parent(`[{name: mid, version: 1.x, alias: other}, {name: plain, version: "*"}]`).with(sub("plain", "2.0.0").in("charts/plain"))
	vendored := top.with(mid.with(leaf.in("charts/leaf")).in("charts/mid"))
	packed := top.with(files{
		"charts/mid-1.0.0.tgz":      mid.with(files{"charts/leaf-0.1.0.tgz": leaf.packed(t, "leaf")}).packed(t, "mid"),
		"charts/mid-1.0.0.tgz.prov": "signature",
	})
	want := render(t, vendored, ".", model.Helm{}, Options{}, nil, nil)
	got := render(t, packed, ".", model.Helm{}, Options{}, nil, nil)
	if want.err != nil || got.err != nil {
		t.Fatal(want.err, got.err)
	}
	if diff := cmp.Diff(want.names(), got.names()); diff != "" || len(want.names()) != 3 {
		t.Errorf("objects (-directories +archives):\n%s", diff)
	}
	broken := top.with(files{"charts/mid-1.0.0.tgz": mid.with(files{"templates/cm.yaml": "{{ .x.y.z }}"}).packed(t, "mid")})
	render(t, broken, ".", model.Helm{}, Options{}, nil, nil).failsWith(t, "charts/other/templates/cm.yaml, line 1")
}

// GHSA-g687-f2gx-6wm8 and CVE-2021-32690: archives in charts unpack to what is
// allowed, and to nothing elsewhere.
func TestSecurityArchives(t *testing.T) {
	chart := member{name: "a/Chart.yaml", text: "name: a\nversion: 1.0.0\n", kind: tar.TypeReg}
	zeros := strings.Repeat("\x00", 30<<20)
	bomb := archiveOf(t, chart, member{name: "a/zeros", text: zeros, kind: tar.TypeReg})
	cases := map[string]struct{ archive, fails string }{
		"Bomb":        {archiveOf(t, chart, member{name: "a/x", text: strings.Repeat("\x00", maxUnpacked), kind: tar.TypeReg}), "unpack to more than"},
		"Nested":      {archiveOf(t, chart, member{"a/charts/1.tgz", bomb, tar.TypeReg}, member{"a/charts/2.tgz", bomb, tar.TypeReg}, member{"a/charts/3.tgz", bomb, tar.TypeReg}, member{"a/charts/4.tgz", bomb, tar.TypeReg}), "unpack to more than"},
		"Skipped":     {archiveOf(t, chart, member{"a/dir", "x", 'X'}), "link or a device"},
		"Parent":      {archiveOf(t, chart, member{name: "a/../../etc/passwd", text: "x", kind: tar.TypeReg}), "leads out of the chart"},
		"Absolute":    {archiveOf(t, chart, member{name: "a//etc/passwd", text: "x", kind: tar.TypeReg}), "leads out of the chart"},
		"Drive":       {archiveOf(t, chart, member{name: "a/c:/x", text: "x", kind: tar.TypeReg}), "leads out of the chart"},
		"Backslashes": {archiveOf(t, chart, member{name: `a\..\..\x`, text: "x", kind: tar.TypeReg}), "leads out of the chart"},
		"Top":         {archiveOf(t, member{name: "Chart.yaml", text: "x", kind: tar.TypeReg}), "outside of the chart's directory"},
		"Symlink":     {archiveOf(t, chart, member{name: "a/x", text: "/etc/passwd", kind: tar.TypeSymlink}), "link or a device"},
		"Hardlink":    {archiveOf(t, chart, member{name: "a/x", text: "/etc/passwd", kind: tar.TypeLink}), "link or a device"},
		"Device":      {archiveOf(t, chart, member{name: "a/x", kind: tar.TypeChar}), "link or a device"},
		"Fifo":        {archiveOf(t, chart, member{name: "a/x", kind: tar.TypeFifo}), "link or a device"},
		"Empty":       {archiveOf(t), "without files"},
		"NoArchive":   {"text", "not an archive"},
		"Damaged":     {bomb[:len(bomb)/2], "a damaged archive"},
		"NoChart":     {archiveOf(t, member{name: "a/values.yaml", text: "x: 1", kind: tar.TypeReg}), "Chart.yaml file is missing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := minimal.with(files{"charts/a-1.0.0.tgz": c.archive})
			render(t, f, ".", model.Helm{}, Options{}, nil, nil).failsWith(t, c.fails)
		})
	}
}

// FuzzUnpack looks for archives that unpack to anything but files below the
// chart, or to more than is allowed.
func FuzzUnpack(f *testing.F) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	_ = w.WriteHeader(&tar.Header{Name: "a/Chart.yaml", Typeflag: tar.TypeReg, Size: 1})
	_, _ = w.Write([]byte("x"))
	_, _ = w.Close(), zip.Close()
	f.Add(out.Bytes(), "a/Chart.yaml")
	f.Add([]byte{}, `a\..\c:/x`)
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		const most = 1 << 20
		u := unpacker{left: most, entries: 100}
		files, err := u.unpack(data)
		size := 0
		for _, file := range files {
			size += len(file.Data)
			if !fs.ValidPath(file.Name) || file.Name == "." {
				t.Errorf("%q is no path below a directory", file.Name)
			}
		}
		if err == nil && (size > most || len(files) > 100) {
			t.Errorf("%d files with %d bytes", len(files), size)
		}
		if clean, err := memberName(name); err == nil && (!fs.ValidPath(clean) && utf8.ValidString(clean) || clean == ".") {
			t.Errorf("%q became %q", name, clean)
		}
	})
}
