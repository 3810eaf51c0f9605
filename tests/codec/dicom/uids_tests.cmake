# Tests of UIDs, Part 10 and character sets; tests/codec/dicom/CMakeLists.txt includes this.
leat_test(test_uids SOURCES test_uids.c USES leat_dicom)
leat_test(test_part10 SOURCES test_part10.c USES leat_dicom)
leat_test(test_charset SOURCES test_charset.c USES leat_dicom)
leat_test(test_dcmtk_abi SOURCES test_dcmtk_abi.c USES leat_dicom leat_dcmtk)
leat_fuzzer(fuzz_part10 SOURCES fuzz_part10.c USES leat_dicom)
leat_fuzzer(fuzz_charset SOURCES fuzz_charset.c USES leat_dicom)
