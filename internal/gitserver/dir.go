package gitserver

import (
	"io"
	"io/fs"
	"strings"
)

// readDir reads every regular file; a .git folder is left out.
func readDir(root fs.FS) (map[string]*string, error) {
	files := map[string]*string{}
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == ".git" || strings.HasPrefix(name, ".git/")):
			return fs.SkipDir
		case !e.Type().IsRegular():
			return nil
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		text := string(data)
		files[name] = &text
		return nil
	})
	return files, err
}

// copyIn feeds a command until either side ends.
func copyIn(to io.WriteCloser, from io.Reader) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}
