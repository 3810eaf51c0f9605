# DCMTK's dcmdata behind a C ABI, in a library of its own: only tools and tests link it.
leat_plain_library(DCMTK_DCMDATA dcmtk/dcmdata/dctk.h dcmdata libdcmtk-dev)
leat_plain_library(DCMTK_OFLOG dcmtk/oflog/oflog.h oflog libdcmtk-dev)
leat_plain_library(DCMTK_OFSTD dcmtk/ofstd/ofstd.h ofstd libdcmtk-dev)
leat_library(leat_dcmtk SOURCES dcmtk_abi.cc USES ${DCMTK_DCMDATA} ${DCMTK_OFLOG} ${DCMTK_OFSTD})
