// Package sops decrypts what SOPS has encrypted: manifests, value files, files
// for generators, and values in Secrets, as YAML, JSON, dotenv, INI or binary.
// Everything stays in memory, and what was changed after its encryption is an
// error: the MAC is verified.
//
// It has two sides. Decrypter works where renders run and has no keys: for each
// file it asks for the plaintext of the file's data key. Keys answers, in the
// process that knows the keys of model.Decrypt. What goes between them is the
// JSON of one entry of the file's metadata, as SOPS names its fields, with the
// name of the list that it stands in as kind; the answer is the data key, or a
// share of it.
//
// The file format is read here, and not by the library's root package: that one
// reads a file of the host when it is loaded, may end the process, and logs
// what it decrypts. Tests compare with it.
package sops
