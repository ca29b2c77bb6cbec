module kcg.dev/test/cluster/multilang

go 1.24
