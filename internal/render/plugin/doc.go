// Package plugin renders with commands that the operator has configured, as
// Argo CD's config management plugins do, from the same files.
//
// Render, called by a job, notes everything in the app's directory as read and
// asks the hook of the process around it for the plugin's output. Runner is
// that hook: it copies the directory to a folder of its own and runs the
// plugin's commands there, confined by package sandbox: they read the system's
// programs, write to the copy, and have no network unless the operator allows
// it. Afterwards every process that they started is ended and the folder
// removed.
package plugin
