// s3server is an S3 server for tests: Versity's gateway on a folder of files. It is
// a program of its own, since the gateway changes the process's working directory
// and can be there only once, and a module of its own, so that its dependencies
// never mix with the product's.
//
//	S3_ACCESS_KEY=… S3_SECRET_KEY=… s3server SOCKET DIR
//
// It listens on a Unix socket, keeps its files below DIR, and ends when its
// standard input does.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "s3server:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: s3server SOCKET DIR")
	}
	files, beside := filepath.Join(args[1], "files"), filepath.Join(args[1], "metadata")
	for _, dir := range []string{files, beside} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	// Extended attributes are not to be had on every file system.
	metadata, err := meta.NewSideCar(beside)
	if err != nil {
		return err
	}
	backend, err := posix.New(files, metadata, posix.PosixOpts{SideCarDir: beside})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
		RootUserAccess: os.Getenv("S3_ACCESS_KEY"), RootUserSecret: os.Getenv("S3_SECRET_KEY"),
		Ports: []string{args[0]}, MaxConnections: 1000, MaxRequests: 1000, MultipartMaxParts: 100, Quiet: true, KeepAlive: true,
	})
}
