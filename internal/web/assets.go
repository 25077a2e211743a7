package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed templates assets
var files embed.FS

// assets serves files under names that contain the hash of their content, so that
// browsers keep them for ever. They are compressed once.
type assets struct {
	urls  map[string]string // by file name
	byURL map[string]asset
}

type asset struct {
	kind          string
	plain, zipped []byte
}

// kinds are the types of what is served; other files of the folder are not.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func readAssets(from fs.FS) *assets {
	a := &assets{urls: map[string]string{}, byURL: map[string]asset{}}
	err := fs.WalkDir(from, "assets", func(name string, entry fs.DirEntry, err error) error {
		kind := kinds[path.Ext(name)]
		if err != nil || entry.IsDir() || kind == "" {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		a.add(path.Base(name), kind, content)
		return nil
	})
	if err != nil {
		panic(err) // they are in the binary
	}
	return a
}

func (a *assets) add(name, kind string, content []byte) {
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	url := "/assets/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	var zipped bytes.Buffer
	z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	_, _ = z.Write(content) // a buffer takes everything
	_ = z.Close()
	a.urls[name] = url
	a.byURL[url] = asset{kind: kind, plain: content, zipped: zipped.Bytes()}
}

// url is the address of a file. A file that does not exist is a mistake in a template.
func (a *assets) url(name string) string {
	u, ok := a.urls[name]
	if !ok {
		panic("no asset " + name)
	}
	return u
}

func (a *assets) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	it, ok := a.byURL[r.URL.Path]
	if !ok {
		rw.Header().Set("Cache-Control", "no-store")
		http.NotFound(rw, r)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", it.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	body := it.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = it.zipped
	}
	if r.Method != http.MethodHead {
		_, _ = rw.Write(body) // the reader may have gone
	}
}
