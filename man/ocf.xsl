<?xml version="1.0"?>
<!-- SPDX-License-Identifier: GPL-2.0-or-later -->
<!-- The manual page of an agent, from its meta-data. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="text" />
<xsl:strip-space elements="*" />
<xsl:param name="date" />

<!-- In roff a backslash begins an escape. -->
<xsl:template name="escaped">
	<xsl:param name="text" />
	<xsl:choose>
		<xsl:when test="contains($text, '\')">
			<xsl:value-of select="concat(substring-before($text, '\'), '\e')" />
			<xsl:call-template name="escaped">
				<xsl:with-param name="text" select="substring-after($text, '\')" />
			</xsl:call-template>
		</xsl:when>
		<xsl:otherwise><xsl:value-of select="$text" /></xsl:otherwise>
	</xsl:choose>
</xsl:template>

<!-- Empty lines are paragraphs. A line that begins with a dot would be a request: \& keeps it text. -->
<xsl:template name="lines">
	<xsl:param name="text" />
	<xsl:if test="$text">
		<xsl:variable name="line" select="substring-before(concat($text, '&#10;'), '&#10;')" />
		<xsl:choose>
			<xsl:when test="normalize-space($line)">
				<xsl:if test="starts-with($line, '.')">\&amp;</xsl:if>
				<xsl:call-template name="escaped">
					<xsl:with-param name="text" select="$line" />
				</xsl:call-template>
				<xsl:text>&#10;</xsl:text>
			</xsl:when>
			<xsl:otherwise>.Pp&#10;</xsl:otherwise>
		</xsl:choose>
		<xsl:call-template name="lines">
			<xsl:with-param name="text" select="substring-after($text, '&#10;')" />
		</xsl:call-template>
	</xsl:if>
</xsl:template>

<!-- A long description without the line ends around it. -->
<xsl:template match="longdesc">
	<xsl:call-template name="lines">
		<xsl:with-param name="text" select="substring(., 2, string-length(.) - 2)" />
	</xsl:call-template>
</xsl:template>

<xsl:template match="resource-agent">
	<xsl:text>.\" SPDX-License-Identifier: GPL-2.0-or-later&#10;</xsl:text>
	<xsl:value-of select="concat('.Dd ', $date, '&#10;.Dt OCF_GLR_', @name, ' 7&#10;.Os&#10;')" />
	<xsl:value-of select="concat('.Sh NAME&#10;.Nm ocf_glr_', @name, '&#10;.Nd ', shortdesc, '&#10;')" />
	<xsl:value-of select="concat('.Sh SYNOPSIS&#10;.Cd primitive Ar NAME Cd ocf:glr:', @name)" />
	<xsl:for-each select="parameters/parameter[@required = '1']">
		<xsl:value-of select="concat(' ', @name, '=')" />
		<xsl:text>\fI</xsl:text>
		<xsl:value-of select="@name" />
		<xsl:text>\fP</xsl:text>
	</xsl:for-each>
	<xsl:text>&#10;.Sh DESCRIPTION&#10;</xsl:text>
	<xsl:apply-templates select="longdesc" />
	<xsl:text>.Sh PARAMETERS&#10;.Bl -tag -width indent&#10;</xsl:text>
	<xsl:apply-templates select="parameters/parameter" />
	<xsl:text>.El&#10;.Sh ACTIONS&#10;With the shortest timeouts that are recommended:&#10;.Bl -column validate-all timeout interval&#10;</xsl:text>
	<xsl:apply-templates select="actions/action" />
	<xsl:text>.El&#10;.Sh SEE ALSO&#10;</xsl:text>
	<xsl:text>.Xr group-lockrecover 7 ,&#10;.Xr group-lockrecover 8 ,&#10;.Xr glr-server 8&#10;</xsl:text>
</xsl:template>

<xsl:template match="parameter">
	<xsl:value-of select="concat('.It Cm ', @name, ' Pq ', content/@type)" />
	<xsl:if test="@required = '1'">, required</xsl:if>
	<xsl:if test="@reloadable = '1'">, reloadable</xsl:if>
	<xsl:if test="content/@default != ''">
		<xsl:value-of select="concat(', default ', content/@default)" />
	</xsl:if>
	<xsl:text>&#10;</xsl:text>
	<xsl:apply-templates select="longdesc" />
</xsl:template>

<xsl:template match="action">
	<xsl:value-of select="concat('.It ', @name, ' Ta timeout ', @timeout)" />
	<xsl:if test="@interval"><xsl:value-of select="concat(' Ta interval ', @interval)" /></xsl:if>
	<xsl:if test="not(@interval) and @depth"><xsl:value-of select="concat(' Ta depth ', @depth)" /></xsl:if>
	<xsl:text>&#10;</xsl:text>
</xsl:template>
</xsl:stylesheet>
