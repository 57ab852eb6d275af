# The exception by which setjmp and longjmp find each other: the compiler refers to it, the C library does not define it.
	.tagtype	__c_longjmp	i32
	.globl	__c_longjmp
__c_longjmp:
