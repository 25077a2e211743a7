package main

const usage = `localcluster runs etcd, kube-apiserver, kube-controller-manager, kube-scheduler
and a stand-in kubelet in this one process, in the foreground, on 127.0.0.1.

Usage:
  localcluster --dir DIR [--port N] [--nodes N] [--fsync]

Flags:
  --dir DIR    folder for data, certificates and logs; made when missing, and a
               later start on it continues with the same data (required)
  --port N     port of the API server; 0, the default, means the port of the
               last start on DIR, or a free one when there was none
  --nodes N    how many nodes the stand-in kubelet registers (default 1)
  --fsync      flush every write to disk: slower, survives a power cut

In DIR:
  admin.kubeconfig   for kubectl and every other client
  ready              exists while the cluster takes requests and runs pods
  log                what the components log (log.1: of the start before)

SIGTERM or Ctrl-C stops it.
`
