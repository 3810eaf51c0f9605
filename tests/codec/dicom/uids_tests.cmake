# Tests of UIDs, Part 10 and character sets; tests/codec/dicom/CMakeLists.txt includes this.
leat_test(test_uids SOURCES test_uids.c USES leat_dicom)
leat_test(test_charset SOURCES test_charset.c USES leat_dicom)
